data "lodge_vm" "batch" {
  name = "batch"
}

# terraform apply -invoke=action.lodge_vm_start.batch
action "lodge_vm_start" "batch" {
  config {
    vm_id = data.lodge_vm.batch.id
  }
}
