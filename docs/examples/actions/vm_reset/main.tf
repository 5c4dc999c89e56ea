data "lodge_vm" "stuck" {
  name = "stuck"
}

# terraform apply -invoke=action.lodge_vm_reset.stuck
action "lodge_vm_reset" "stuck" {
  config {
    vm_id = data.lodge_vm.stuck.id
  }
}
