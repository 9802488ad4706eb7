"""A network as one readable Python file that needs torch, torchvision and Pillow only."""
