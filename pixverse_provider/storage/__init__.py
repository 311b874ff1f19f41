"""Files of the user, wherever ``ObjectStoragePath`` reaches: sources to upload, places to save to."""
