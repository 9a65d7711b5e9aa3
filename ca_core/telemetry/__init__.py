"""What a process tells about itself: metrics and logs, neither of which holds a secret."""
