"""Lists, watches for and decodes any number of images in bounded memory."""
