"""heareval's directories, both ways: embeddings that its first step wrote, and those that its second step takes."""
