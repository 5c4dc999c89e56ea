resource "lodge_network" "lan" {
  name = "lan"
  mode = "nat"
  subnets = {
    main = {
      cidr        = "10.20.0.0/24"
      dns_servers = ["9.9.9.9"]
    }
  }
}
