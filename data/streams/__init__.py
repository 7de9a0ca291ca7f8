"""Any number of images in bounded memory: listed, watched for and decoded in order."""
