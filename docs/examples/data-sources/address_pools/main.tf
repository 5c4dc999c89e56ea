data "lodge_network" "lan" {
  name = "lan"
}

data "lodge_address_pools" "lan" {
  network_id = data.lodge_network.lan.id
}

output "pools" {
  value = data.lodge_address_pools.lan.address_pools[*].name
}
