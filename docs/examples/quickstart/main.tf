# One VM with a disk and an address of its own, booted from a kernel and an initial RAM disk.
# `npm run quickstart` applies exactly this, on a development agent of this machine.

terraform {
  required_providers {
    lodge = { source = "lodge/lodge" }
  }
}

variable "kernel" {
  description = "File of the guest's kernel."
  type        = string
}

variable "initrd" {
  description = "File of the guest's initial RAM disk."
  type        = string
}

variable "command_line" {
  description = "The kernel's command line."
  type        = string
  default     = "console=ttyS0 quiet"
}

# Nothing is configured: the development agent of this machine is used.
provider "lodge" {}

resource "lodge_network" "lan" {
  name    = "lan"
  mode    = "nat"
  subnets = { main = { cidr = "10.20.0.0/24" } }
}

resource "lodge_address_pool" "lan" {
  name       = "lan"
  network_id = lodge_network.lan.id
  subnet     = "main"
  ranges     = ["10.20.0.10-10.20.0.99"]
}

resource "lodge_image" "kernel" {
  name       = "kernel"
  local_path = var.kernel
  sha256     = filesha256(var.kernel)
}

resource "lodge_image" "initrd" {
  name       = "initrd"
  local_path = var.initrd
  sha256     = filesha256(var.initrd)
}

resource "lodge_disk" "data" {
  name = "hello-data"
  size = "64MiB"
}

resource "lodge_vm" "hello" {
  name   = "hello"
  cpus   = 1
  memory = "128MiB"

  kernel = {
    image_id        = lodge_image.kernel.id
    initrd_image_id = lodge_image.initrd.id
    command_line    = var.command_line
  }
  disks = {
    data = { disk_id = lodge_disk.data.id }
  }
  nics = {
    eth0 = { network_id = lodge_network.lan.id, ipv4_pool_id = lodge_address_pool.lan.id }
  }

  # Apply returns when the guest has taken its address and greets on its console.
  wait_for = { ipv4 = true, console = "ready", timeout = "5m" }
}

output "address" {
  description = "The address that the guest got from the pool."
  value       = lodge_vm.hello.ipv4_address
}

output "memory_bytes" {
  value = lodge_vm.hello.memory_bytes
}
