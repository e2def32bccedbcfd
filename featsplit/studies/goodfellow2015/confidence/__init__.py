"""The experiment "confidence": the fast method on softmax regression and a maxout network (section 4)."""
