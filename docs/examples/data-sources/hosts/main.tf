data "lodge_hosts" "here" {
  reachable = true
}

output "free_memory" {
  value = {
    for host in data.lodge_hosts.here.hosts :
    host.name => host.memory_bytes - host.memory_committed_bytes
  }
}
