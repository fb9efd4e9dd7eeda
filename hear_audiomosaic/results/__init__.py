"""Result files: their schema, the predictions beside them, and loading a folder of them."""
