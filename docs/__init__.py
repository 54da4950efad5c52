"""The documents, and what is made from the code for them."""
