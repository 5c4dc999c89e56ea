variable "memory" {
  type    = string
  default = "6GiB"

  validation {
    condition     = provider::lodge::parse_size(var.memory) <= provider::lodge::parse_size("8GiB")
    error_message = "At most 8GiB."
  }
}

output "bytes" {
  value = provider::lodge::parse_size(var.memory) # 6442450944
}
