output "seconds" {
  value = provider::lodge::parse_duration("1h30m") # 5400
}
