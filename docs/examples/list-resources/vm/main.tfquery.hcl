list "lodge_vm" "web" {
  provider = lodge

  config {
    name_prefix = "web-"
  }
}
