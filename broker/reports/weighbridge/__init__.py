"""What a weighbridge 地磅 writes down, as weigh-ins: its file read by the words in its head, each line checked."""
