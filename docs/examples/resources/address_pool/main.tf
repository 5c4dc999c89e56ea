resource "lodge_network" "lan" {
  name    = "lan"
  subnets = { main = { cidr = "10.20.0.0/24" } }
}

resource "lodge_address_pool" "lan" {
  name       = "lan"
  network_id = lodge_network.lan.id
  subnet     = "main"
  ranges     = ["10.20.0.10-10.20.0.99", "10.20.0.200"]
  cooldown   = "60s"
}
