"""The picture as a stream: a snapshot once, then what changed by key; kept on the disk for playback."""
