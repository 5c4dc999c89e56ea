data "lodge_images" "debian" {
  name_regex = "^debian-[0-9]+$"
}

output "ids" {
  value = { for image in data.lodge_images.debian.images : image.name => image.id }
}
