list "lodge_address_pool" "all" {
  provider = lodge
}
