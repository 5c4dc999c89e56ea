data "lodge_vm" "web" {
  name = "web"
}

output "address" {
  value = data.lodge_vm.web.ipv4_address
}
