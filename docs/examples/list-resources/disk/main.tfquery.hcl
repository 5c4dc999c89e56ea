list "lodge_disk" "unused" {
  provider = lodge

  config {
    attached = false
  }
}
