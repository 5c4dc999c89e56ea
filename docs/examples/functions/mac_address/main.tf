# For a file that the guest reads, before the VM exists.
output "mac" {
  value = provider::lodge::mac_address("10.20.0.10") # "52:54:0a:14:00:0a"
}
