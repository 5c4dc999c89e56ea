variable "kernel" {
  description = "A kernel on this machine."
  type        = string
}

variable "initrd" {
  description = "Its initial RAM disk."
  type        = string
}

resource "lodge_network" "lan" {
  name    = "lan"
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
}

resource "lodge_image" "initrd" {
  name       = "initrd"
  local_path = var.initrd
}

resource "lodge_disk" "data" {
  name = "web-data"
  size = "8GiB"
}

resource "lodge_vm" "web" {
  name   = "web"
  cpus   = 2
  memory = "256MiB"

  kernel = {
    image_id        = lodge_image.kernel.id
    initrd_image_id = lodge_image.initrd.id
    command_line    = "console=ttyS0"
  }

  disks = {
    data    = { disk_id = lodge_disk.data.id }
    scratch = { size = "1GiB" }
  }

  nics = {
    eth0 = {
      network_id   = lodge_network.lan.id
      ipv4_pool_id = lodge_address_pool.lan.id
    }
  }

  wait_for = {
    ipv4    = true
    timeout = "5m"
  }

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The VM did not come up in time."
    }
  }
}

output "address" {
  value = lodge_vm.web.ipv4_address
}
