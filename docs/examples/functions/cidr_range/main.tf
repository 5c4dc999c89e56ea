# The same ranges in every network: .10 to .99, and the last ten but one.
output "ranges" {
  value = [
    provider::lodge::cidr_range("10.20.0.0/24", 10, 99),
    provider::lodge::cidr_range("10.20.0.0/24", -11, -2),
  ] # ["10.20.0.10-10.20.0.99", "10.20.0.245-10.20.0.254"]
}
