resource "lodge_disk" "data" {
  name                = "web-data"
  size                = "8GiB"
  deletion_protection = true
}
