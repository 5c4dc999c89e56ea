data "lodge_disk" "data" {
  name = "web-data"
}

output "attached" {
  value = data.lodge_disk.data.attached_vm_id != null
}
