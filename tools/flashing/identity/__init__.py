"""Who a device is: its certificate, made anew before it ends, taken back when the device is stolen."""
