# What waits for a restart takes effect after each update.
resource "lodge_vm" "web" {
  name   = "web"
  memory = "1GiB"

  disks = {
    root = { size = "10GiB" }
  }

  lifecycle {
    action_trigger {
      events  = [after_update]
      actions = [action.lodge_vm_reboot.web]
    }
  }
}

# By hand: terraform apply -invoke=action.lodge_vm_reboot.web
action "lodge_vm_reboot" "web" {
  config {
    vm_id = lodge_vm.web.id
  }
}
