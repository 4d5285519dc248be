"""Display: shows, records or only counts composites. It has no access to the camera's frames."""
