variable "kernel" {
  description = "A kernel on this machine."
  type        = string
}

resource "lodge_image" "kernel" {
  name       = "kernel"
  local_path = var.kernel
  sha256     = filesha256(var.kernel)
}
