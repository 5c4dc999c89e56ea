data "lodge_address_pool" "lan" {
  name = "lan"
}

output "free" {
  value = data.lodge_address_pool.lan.size - data.lodge_address_pool.lan.used
}
