data "lodge_vm" "batch" {
  name = "batch"
}

# terraform apply -invoke=action.lodge_vm_stop.batch
action "lodge_vm_stop" "batch" {
  config {
    vm_id   = data.lodge_vm.batch.id
    timeout = "10m"
  }
}
