# An address for each VM by its number.
locals {
  names = ["web-0", "web-1", "web-2"]
}

output "addresses" {
  value = zipmap(local.names, slice(provider::lodge::address_list("10.20.0.10-10.20.0.99"), 0, length(local.names))) # { "web-0" = "10.20.0.10", "web-1" = "10.20.0.11", "web-2" = "10.20.0.12" }
}
