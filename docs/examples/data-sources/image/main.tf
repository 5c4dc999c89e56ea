data "lodge_image" "debian" {
  name = "debian"
}

resource "lodge_disk" "root" {
  name     = "root"
  image_id = data.lodge_image.debian.id
}
