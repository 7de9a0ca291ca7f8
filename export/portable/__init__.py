"""What travels with an export: its files need NumPy, Pillow and one runtime, no Keraunos.

They are copied beside each exported model, together with the decoder, in folders that lie
as they do here; so they import nothing but each other and the decoder.
"""
