locals {
  cidr = "10.20.0.0/24"
}

# Every address of the network but the gateway's.
output "range" {
  value = provider::lodge::cidr_hosts(local.cidr).range # "10.20.0.2-10.20.0.254"
}
