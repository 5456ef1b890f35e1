"""A second round of labels: a crop network learns from the masks of all boxes of a store, and labels them again.

What single masks get wrong, most of the others get right: a network that cannot fit each box's errors keeps what the
labels have in common. It sees crops around boxes through an encoder that knows pictures already (`encoder`), and never
a true mask.

    crops         the cut around a box, and what is known of it besides its picture
    views         training examples: crops off-centre, flipped, occluded by other boxes' objects, their features cached
    network       from cached features to a mask
    colour_edges  the targets follow colour edges
    training      a round: the network, its running average, when to stop
    relabel       a trained network's masks of every box, at the frame's size
    score         the choice between the first round's mask and the network's
    rating        how good the masks look without a true one
    refine_store  a whole store
"""
