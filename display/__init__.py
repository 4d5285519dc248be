"""Display: shows, records or just counts the composites. It never sees a frame of the camera."""
