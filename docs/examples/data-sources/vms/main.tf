data "lodge_vms" "web" {
  name_prefix        = "web-"
  actual_power_state = "running"
}

output "addresses" {
  value = { for vm in data.lodge_vms.web.vms : vm.name => vm.ipv4_address }
}
