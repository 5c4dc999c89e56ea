# The guest takes a release of its application at its boot, which no attribute of the VM can tell.
variable "release" {
  type    = string
  default = "1.0"
}

resource "lodge_vm" "web" {
  name   = "web"
  memory = "1GiB"

  disks = {
    root = { size = "10GiB" }
  }

  # For changes of the VM itself no action is needed: this restarts the guest where one needs it.
  on_restart_required = "restart"
}

# Only a new release reboots the guest. A trigger in the VM would do so after every update, a new name included.
resource "terraform_data" "release" {
  input      = var.release
  depends_on = [lodge_vm.web]

  lifecycle {
    action_trigger {
      events    = [after_update]
      condition = lodge_vm.web.power_state == "running"
      actions   = [action.lodge_vm_reboot.web]
    }
  }
}

# By hand: terraform apply -invoke=action.lodge_vm_reboot.web
action "lodge_vm_reboot" "web" {
  config {
    vm_id = lodge_vm.web.id
  }
}
