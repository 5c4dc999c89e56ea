list "lodge_image" "debian" {
  provider = lodge

  config {
    name_regex = "^debian-[0-9]+$"
  }
}
