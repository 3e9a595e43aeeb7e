"""What stands in the street, and the sockets it speaks over."""
