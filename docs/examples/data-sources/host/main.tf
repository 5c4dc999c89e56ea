data "lodge_host" "here" {}

output "accelerator" {
  value = "${data.lodge_host.here.accelerator}: ${data.lodge_host.here.accelerator_reason}"
}
