output "macs" {
  value = [for name in ["web", "db"] : provider::lodge::mac_from_name("${name}/eth0")] # ["02:c3:14:42:68:92", "02:9f:18:f2:b4:6c"]
}
