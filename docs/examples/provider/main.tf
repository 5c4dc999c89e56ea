terraform {
  required_providers {
    lodge = { source = "lodge/lodge" }
  }
}

provider "lodge" {
  hosts = {
    rack1 = { endpoint = "rack1.example.net:6800" }
    rack2 = { endpoint = "rack2.example.net:6800" }
  }
  default_host            = "rack1"
  ca_certificate_file     = "ca.pem"
  client_certificate_file = "client.pem"
  client_key_file         = "client.key"
}
