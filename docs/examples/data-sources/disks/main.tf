data "lodge_disks" "unused" {
  attached = false
}

output "unused_bytes" {
  value = sum(concat([0], data.lodge_disks.unused.disks[*].size_bytes))
}
