list "lodge_network" "rack1" {
  provider = lodge

  config {
    host = "rack1"
  }
}
