"""Code that is copied into each export, which needs NumPy, Pillow and a runtime only.

It is copied together with the decoder, in the same folder structure as here. It must
therefore import nothing except its own modules and the decoder.
"""
