"""What is measured: assays, endpoints, and the tables a laboratory would hand over."""
