data "lodge_networks" "all" {}

output "bridges" {
  value = { for network in data.lodge_networks.all.networks : network.name => network.bridge }
}
