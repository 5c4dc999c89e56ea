# Three times the memory, as an attribute takes it.
output "three_times" {
  value = provider::lodge::format_size(3 * provider::lodge::parse_size("512MiB")) # "1536MiB"
}
