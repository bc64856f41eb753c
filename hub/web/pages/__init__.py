"""One module per page: what is asked, who may ask, what is shown or done."""
