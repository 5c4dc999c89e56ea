data "lodge_network" "lan" {
  name = "lan"
}

output "cidrs" {
  value = [for subnet in data.lodge_network.lan.subnets : subnet.cidr]
}
