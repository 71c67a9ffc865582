"""Everything of Longplay that is neither Temporal nor HTTP."""
